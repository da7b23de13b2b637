"""Used by all other folders; imports none of them: version, device, warnings, @public, lazy and missing names."""
