"""What `edgepaas doctor` looks at: a module for each part, each yielding findings."""
