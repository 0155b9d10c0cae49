"""Checks evaluation.ipynb of an artifact or run folder: valid nbformat, executed, and running it
again beside its files gives the outputs that are stored.

Usage: $(tools/install-python.sh notebook nbformat==5.10.4 nbclient==0.10.2 ipykernel==6.30.1) \
           tools/check_notebook.py FOLDER
Exit code 1 names the cell that differs.
"""

import copy
import pathlib
import sys

import nbclient
import nbformat


def main(folder):
    path = pathlib.Path(folder) / "evaluation.ipynb"
    stored = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    nbformat.validate(stored)
    again = copy.deepcopy(stored)
    for cell in again.cells:
        if cell.cell_type == "code":
            cell.outputs = []
            cell.execution_count = None
    resources = {"metadata": {"path": str(folder)}}
    nbclient.NotebookClient(again, timeout=60, resources=resources).execute()
    code = 0
    for before, after in zip(stored.cells, again.cells):
        if before.cell_type != "code":
            continue
        code += 1
        if before.execution_count != code:
            return f"cell {before.id} has execution count {before.execution_count}, expected {code}"
        if before.outputs != after.outputs:
            return f"cell {before.id} holds {before.outputs}, expected {after.outputs}"
    if code == 0:
        return "no code cell, expected at least one"
    print(f"{code} cells give their stored outputs")
    return None


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    wrong = main(sys.argv[1])
    if wrong:
        print(wrong)
        sys.exit(1)
