"""Draw the README's picture: a map of the emoji, by the offline model.

    BROWSER_PATH=/usr/bin/chromium python benchmarks/readme_picture.py docs/map.png

Needs the extra ``png`` and a Chromium.
"""

import sys

import mmtoolkit as mm

emb = mm.embed(mm.load_dataset("emoji"), model="local")
figure = mm.project(emb).draw("label", title="1,242 emoji, placed by meaning and looks")
figure.update_layout(paper_bgcolor="white", plot_bgcolor="white")
figure.write_image(sys.argv[1], width=1100, height=760, scale=1.5)
