CREATE TABLE `spending` (
	`day` text PRIMARY KEY NOT NULL,
	`calls` integer NOT NULL,
	`cost_micros` integer NOT NULL
);
--> statement-breakpoint
ALTER TABLE `request_log` ADD `provider` text;--> statement-breakpoint
ALTER TABLE `request_log` ADD `model` text;--> statement-breakpoint
ALTER TABLE `request_log` ADD `input_tokens` integer;--> statement-breakpoint
ALTER TABLE `request_log` ADD `output_tokens` integer;--> statement-breakpoint
ALTER TABLE `request_log` ADD `cost_micros` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `results` ADD `input_tokens` integer;--> statement-breakpoint
ALTER TABLE `results` ADD `output_tokens` integer;--> statement-breakpoint
ALTER TABLE `results` ADD `cost_micros` integer DEFAULT 0 NOT NULL;