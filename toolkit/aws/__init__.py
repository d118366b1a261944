"""Reading an AWS account."""
