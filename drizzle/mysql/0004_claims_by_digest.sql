CREATE INDEX `alias_claims_digest` ON `alias_claims` (`digest`);--> statement-breakpoint
CREATE INDEX `aliases_leader` ON `aliases` (`leader_digest`);