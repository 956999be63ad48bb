"""How a message leaves: by SNS, Slack, SMTP or a webhook, on the providers' own notifiers and hooks."""
