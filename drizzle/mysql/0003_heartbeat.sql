CREATE TABLE `heartbeat` (
	`id` smallint NOT NULL,
	`identity` varchar(36) character set utf8mb4 collate utf8mb4_bin NOT NULL,
	`beat_at` bigint NOT NULL,
	CONSTRAINT `heartbeat_id` PRIMARY KEY(`id`)
);
