"""The report: what a history has of some hours, as one page of HTML."""
