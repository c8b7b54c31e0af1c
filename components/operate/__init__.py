"""Operations on a stack with Pulumi: up, preview, down and refresh, with the repair before and after them."""
