"""What an interrupted run left, found and put right. No Pulumi but its state."""
