CREATE TABLE `invalidations` (
	`id` bigint AUTO_INCREMENT NOT NULL,
	`kind` varchar(16) character set utf8mb4 collate utf8mb4_bin NOT NULL,
	`digest` binary(32) NOT NULL,
	`made_before` bigint NOT NULL,
	CONSTRAINT `invalidations_id` PRIMARY KEY(`id`)
);
--> statement-breakpoint
CREATE TABLE `leases` (
	`name` varchar(128) character set utf8mb4 collate utf8mb4_bin NOT NULL,
	`owner` varchar(64) character set utf8mb4 collate utf8mb4_bin NOT NULL,
	`expires_at` bigint NOT NULL,
	CONSTRAINT `leases_name` PRIMARY KEY(`name`)
);
--> statement-breakpoint
CREATE INDEX `invalidations_made_before` ON `invalidations` (`made_before`);