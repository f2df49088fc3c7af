CREATE TABLE `spending` (
	`day` varchar(10) character set utf8mb4 collate utf8mb4_bin NOT NULL,
	`calls` bigint NOT NULL,
	`cost_micros` bigint NOT NULL,
	CONSTRAINT `spending_day` PRIMARY KEY(`day`)
);
--> statement-breakpoint
ALTER TABLE `request_log`
	ADD `provider` varchar(255) character set utf8mb4 collate utf8mb4_bin,
	ADD `model` varchar(255) character set utf8mb4 collate utf8mb4_bin,
	ADD `input_tokens` int,
	ADD `output_tokens` int,
	ADD `cost_micros` bigint DEFAULT 0 NOT NULL;
--> statement-breakpoint
ALTER TABLE `results`
	ADD `input_tokens` int,
	ADD `output_tokens` int,
	ADD `cost_micros` bigint DEFAULT 0 NOT NULL;
