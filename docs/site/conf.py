"""Sphinx's settings for the site; make.py lays the pages beside it and calls it."""
project = "tinygrad_c"
author = "the authors of tinygrad_c"
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = "tinygrad_c"
html_static_path = ["static"]
html_copy_source = False
html_show_search_summary = False     # it would fetch pages, which a browser refuses from the disk
exclude_patterns = ["static"]
language = "en"
suppress_warnings = ["myst.header", "misc.highlighting_failure"]
add_module_names = False
