"""The page that `dvc plots` fills, with the drawing library inside, so that it needs no internet.

DVC's own page loads Vega from a CDN. This one is named by `plots.html_template` in .dvc/config;
`make setup` prints it there, once for the installed version of the library.
"""

import sys

import vl_convert

VEGA_LITE = "6.4"  # its major version is the one in the `$schema` of .dvc/plots/*.json

# DVC calls vegaEmbed(id, spec). The menu keeps what works offline: not "Open in Vega Editor".
_EMBED = """
window.vegaEmbed = (id, spec) =>
  vegaEmbed(id, spec, {actions: {export: true, source: true, compiled: false, editor: false}});
"""

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
{refresh_tag}
<title>Plots</title>
<link rel="icon" href="data:,">
<style>
body { font-family: sans-serif; margin: 2em; }
.vega-embed { display: block; margin-bottom: 3em; }
</style>
<script>
(() => {
BUNDLE
})();
</script>
</head>
<body>
{plot_divs}
</body>
</html>
"""


def plots_page() -> str:
    """Return the HTML with DVC's placeholders `{refresh_tag}` and `{plot_divs}` still in it.

    The library is inlined where DVC would put `{scripts}`, in a function of its own: its
    top-level names must not meet those of the scripts that DVC writes. The bytes depend on the
    installed vl-convert only.
    """
    bundle = vl_convert.javascript_bundle(_EMBED, vl_version=VEGA_LITE)
    return _PAGE.replace("BUNDLE", bundle.replace("</script", "<\\/script"))


if __name__ == "__main__":
    sys.stdout.write(plots_page())
