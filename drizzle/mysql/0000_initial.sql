CREATE TABLE `alias_claims` (
	`profile_id` varchar(64) character set utf8mb4 collate utf8mb4_bin NOT NULL,
	`alias` binary(32) NOT NULL,
	`caller` varchar(64) character set utf8mb4 collate utf8mb4_bin NOT NULL,
	`digest` binary(32) NOT NULL,
	`picture_hash` bigint unsigned NOT NULL,
	`epoch` int NOT NULL,
	`claimed_at` bigint NOT NULL,
	CONSTRAINT `alias_claims_profile_id_alias_caller_pk` PRIMARY KEY(`profile_id`,`alias`,`caller`)
);
--> statement-breakpoint
CREATE TABLE `aliases` (
	`profile_id` varchar(64) character set utf8mb4 collate utf8mb4_bin NOT NULL,
	`alias` binary(32) NOT NULL,
	`epoch` int NOT NULL,
	`contradictions` int NOT NULL,
	`leader_digest` binary(32) NOT NULL,
	`leader_picture_hash` bigint unsigned NOT NULL,
	`supporters` int NOT NULL,
	`updated_at` bigint NOT NULL,
	CONSTRAINT `aliases_profile_id_alias_pk` PRIMARY KEY(`profile_id`,`alias`)
);
--> statement-breakpoint
CREATE TABLE `request_log` (
	`id` bigint AUTO_INCREMENT NOT NULL,
	`request_id` varchar(128) character set utf8mb4 collate utf8mb4_bin NOT NULL,
	`at` bigint NOT NULL,
	`operation` varchar(32) character set utf8mb4 collate utf8mb4_bin NOT NULL,
	`user_id` varchar(128) character set utf8mb4 collate utf8mb4_bin,
	`ip` varchar(64) character set utf8mb4 collate utf8mb4_bin,
	`image_count` int NOT NULL,
	`cached_count` int NOT NULL,
	`failed_count` int NOT NULL,
	`status` smallint NOT NULL,
	`duration_ms` double NOT NULL,
	`method` varchar(32) character set utf8mb4 collate utf8mb4_bin,
	`category` varchar(255) character set utf8mb4 collate utf8mb4_bin,
	`digest` binary(32),
	CONSTRAINT `request_log_id` PRIMARY KEY(`id`)
);
--> statement-breakpoint
CREATE TABLE `results` (
	`profile_id` varchar(64) character set utf8mb4 collate utf8mb4_bin NOT NULL,
	`digest` binary(32) NOT NULL,
	`fingerprint` bigint unsigned NOT NULL,
	`picture_hash` bigint unsigned NOT NULL,
	`category` varchar(255) character set utf8mb4 collate utf8mb4_bin NOT NULL,
	`confidence` double NOT NULL,
	`description` mediumtext character set utf8mb4 collate utf8mb4_bin NOT NULL,
	`method` varchar(32) character set utf8mb4 collate utf8mb4_bin NOT NULL,
	`provider` varchar(255) character set utf8mb4 collate utf8mb4_bin,
	`model` varchar(255) character set utf8mb4 collate utf8mb4_bin NOT NULL,
	`local_inference` mediumtext character set utf8mb4 collate utf8mb4_bin,
	`provisional` boolean NOT NULL,
	`created_at` bigint NOT NULL,
	`expires_at` bigint,
	`hits` bigint NOT NULL DEFAULT 0,
	`last_hit_at` bigint,
	CONSTRAINT `results_profile_id_digest_pk` PRIMARY KEY(`profile_id`,`digest`)
);
--> statement-breakpoint
CREATE INDEX `request_log_at` ON `request_log` (`at`);--> statement-breakpoint
CREATE INDEX `results_fingerprint` ON `results` (`fingerprint`);--> statement-breakpoint
CREATE INDEX `results_hottest` ON `results` (`profile_id`,`hits`);--> statement-breakpoint
CREATE INDEX `results_expiry` ON `results` (`expires_at`);