CREATE TABLE `invalidations` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`kind` text NOT NULL,
	`digest` blob NOT NULL,
	`made_before` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `invalidations_made_before` ON `invalidations` (`made_before`);--> statement-breakpoint
CREATE TABLE `leases` (
	`name` text PRIMARY KEY NOT NULL,
	`owner` text NOT NULL,
	`expires_at` integer NOT NULL
);
