CREATE TABLE `alias_claims` (
	`profile_id` text NOT NULL,
	`alias` blob NOT NULL,
	`caller` text NOT NULL,
	`digest` blob NOT NULL,
	`picture_hash` blob NOT NULL,
	`epoch` integer NOT NULL,
	`claimed_at` integer NOT NULL,
	PRIMARY KEY(`profile_id`, `alias`, `caller`)
);
--> statement-breakpoint
CREATE TABLE `aliases` (
	`profile_id` text NOT NULL,
	`alias` blob NOT NULL,
	`epoch` integer NOT NULL,
	`contradictions` integer NOT NULL,
	`leader_digest` blob NOT NULL,
	`leader_picture_hash` blob NOT NULL,
	`supporters` integer NOT NULL,
	`updated_at` integer NOT NULL,
	PRIMARY KEY(`profile_id`, `alias`)
);
--> statement-breakpoint
CREATE TABLE `request_log` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`request_id` text NOT NULL,
	`at` integer NOT NULL,
	`operation` text NOT NULL,
	`user_id` text,
	`ip` text,
	`image_count` integer NOT NULL,
	`cached_count` integer NOT NULL,
	`failed_count` integer NOT NULL,
	`status` integer NOT NULL,
	`duration_ms` real NOT NULL,
	`method` text,
	`category` text,
	`digest` blob
);
--> statement-breakpoint
CREATE INDEX `request_log_at` ON `request_log` (`at`);--> statement-breakpoint
CREATE TABLE `results` (
	`profile_id` text NOT NULL,
	`digest` blob NOT NULL,
	`fingerprint` blob NOT NULL,
	`picture_hash` blob NOT NULL,
	`category` text NOT NULL,
	`confidence` real NOT NULL,
	`description` text NOT NULL,
	`method` text NOT NULL,
	`provider` text,
	`model` text NOT NULL,
	`local_inference` text,
	`provisional` integer NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer,
	`hits` integer DEFAULT 0 NOT NULL,
	`last_hit_at` integer,
	PRIMARY KEY(`profile_id`, `digest`)
);
--> statement-breakpoint
CREATE INDEX `results_fingerprint` ON `results` (`fingerprint`);--> statement-breakpoint
CREATE INDEX `results_hottest` ON `results` (`profile_id`,`hits`);--> statement-breakpoint
CREATE INDEX `results_expiry` ON `results` (`expires_at`);