"""Settings of Sphinx for the pages of this folder: `make docs`."""

project = "Longshore"
extensions = ["myst_parser"]
exclude_patterns = ["_build", "generator"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = "Longshore"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False
