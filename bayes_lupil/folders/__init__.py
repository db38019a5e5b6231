"""Folders of results: what a run leaves in one is its own and whole, and nothing else in it is touched.

A run fills a hidden folder inside the one that was named. When it is complete, the files of the earlier run are moved
out and then the new ones in, so that at no moment files of two runs lie there. Each folder's `manifest.json` lists its
files with their SHA-256, by which the next run knows what it may replace. A lock keeps a second run out, and what a
killed run left half done is undone by the next.
"""

from bayes_lupil.folders.folder import output_folder
from bayes_lupil.folders.manifests import MANIFEST
from bayes_lupil.folders.names import folder_names
from bayes_lupil.folders.swap import WORK

__all__ = ["MANIFEST", "WORK", "folder_names", "output_folder"]
