"""What every other part uses and nothing here imports: version, device, warnings, names that are missing."""
