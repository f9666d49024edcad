"""Imports point downwards only: NumPy < Keras < TensorFlow < training < the commands."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NUMPY, KERAS, TENSORFLOW, TRAINING, COMMANDS = range(5)

#: The first prefix that fits gives a module's layer.
LAYERS = {
    "osnet_tf.__main__": COMMANDS,
    "osnet_tf.benchmarks": TRAINING,
    "osnet_tf.checks": NUMPY,
    "osnet_tf.commands": COMMANDS,
    "osnet_tf.architecture": KERAS,
    "osnet_tf.complexity": KERAS,
    "osnet_tf.conversion": KERAS,
    "osnet_tf.config": NUMPY,
    "osnet_tf.crops": TENSORFLOW,
    "osnet_tf.data.augmentation": TENSORFLOW,
    "osnet_tf.data.decoding": TENSORFLOW,
    "osnet_tf.data.inspection": TENSORFLOW,
    "osnet_tf.data.pipeline": TENSORFLOW,
    "osnet_tf.data.reports": TENSORFLOW,
    "osnet_tf.data.throughput": TENSORFLOW,
    "osnet_tf.data.trivial_augment": TENSORFLOW,
    "osnet_tf.data": NUMPY,
    "osnet_tf.embedding": TENSORFLOW,
    "osnet_tf.errors": NUMPY,
    "osnet_tf.evaluation.config": NUMPY,
    "osnet_tf.evaluation": TENSORFLOW,
    "osnet_tf.export.clients": NUMPY,
    "osnet_tf.export.config": NUMPY,
    "osnet_tf.export.folder": NUMPY,
    "osnet_tf.export.formats": NUMPY,
    "osnet_tf.export.input_spec": NUMPY,
    "osnet_tf.export.model_json": NUMPY,
    "osnet_tf.export": TENSORFLOW,
    "osnet_tf.files": NUMPY,
    "osnet_tf.identities.comparison": TENSORFLOW,
    "osnet_tf.identities.images": TENSORFLOW,
    "osnet_tf.identities": NUMPY,
    "osnet_tf.imagenet_colours": NUMPY,
    "osnet_tf.layers": KERAS,
    "osnet_tf.losses": KERAS,
    "osnet_tf.metrics": NUMPY,
    "osnet_tf.model_card": NUMPY,
    "osnet_tf.models": KERAS,
    "osnet_tf.preprocessing": KERAS,
    "osnet_tf.presets": NUMPY,
    "osnet_tf.progress_bar": NUMPY,
    "osnet_tf.public_code": KERAS,
    "osnet_tf.publishing": KERAS,
    "osnet_tf.report": NUMPY,
    "osnet_tf.runs": NUMPY,
    "osnet_tf.search.candidates": NUMPY,
    "osnet_tf.search.conditions": NUMPY,
    "osnet_tf.search.cost": NUMPY,
    "osnet_tf.search.detections": NUMPY,
    "osnet_tf.search.frames": NUMPY,
    "osnet_tf.search.milvus_store": NUMPY,
    "osnet_tf.search.records": NUMPY,
    "osnet_tf.search.sheet": NUMPY,
    "osnet_tf.search.sqlite_store": NUMPY,
    "osnet_tf.search.stores": NUMPY,
    "osnet_tf.search": TENSORFLOW,
    "osnet_tf.training.config": NUMPY,
    "osnet_tf.training.progressive": NUMPY,
    "osnet_tf.training.recipe": NUMPY,
    "osnet_tf.training.run_record": NUMPY,
    "osnet_tf.training": TRAINING,
    "osnet_tf.types": NUMPY,
    "osnet_tf.version": NUMPY,
    "osnet_tf.visualize.network": KERAS,
    "osnet_tf.visualize.activation": TENSORFLOW,
    "osnet_tf.visualize.gates": KERAS,
    "osnet_tf.visualize.writing": TENSORFLOW,
    "osnet_tf.visualize": NUMPY,
    "osnet_tf.web": NUMPY,
    "osnet_tf.weights.errors": NUMPY,
    "osnet_tf.weights.hub": NUMPY,
    "osnet_tf.weights.registry": NUMPY,
    "osnet_tf.weights": KERAS,
    "train": COMMANDS,
}
#: The lowest layer that may import a package when it is imported itself.
LOWEST = {
    "filelock": NUMPY,
    "numpy": NUMPY,
    "PIL": NUMPY,
    "safetensors": NUMPY,
    "tqdm": NUMPY,
    "h5py": KERAS,
    "keras": KERAS,
    "ml_dtypes": KERAS,
    "tensorflow": TENSORFLOW,
    "absl": COMMANDS,
}
STANDARD = {*__import__("sys").stdlib_module_names}


def modules():
    for folder in ("osnet_tf", "train"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            if name != "osnet_tf":  # it loads everything, lazily: see test_loading.py
                yield name, path


def layer(name):
    for prefix, value in LAYERS.items():
        if name == prefix or name.startswith(prefix + "."):
            return value
    raise AssertionError(f"{name} has no layer: add it to LAYERS")


def imports(path):
    """(module, whether it is imported with the file) for each import."""
    tree = ast.parse(path.read_text())
    inside = {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module]
            if node.module.startswith("osnet_tf"):  # `from osnet_tf.data import pipeline`
                names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            yield name, id(node) not in inside


@pytest.mark.parametrize(("name", "path"), [pytest.param(*m, id=m[0]) for m in modules()])
def test_imports_point_downwards(name, path):
    own = layer(name)
    for imported, at_import in imports(path):
        top = imported.split(".")[0]
        if top == "osnet_tf":
            if imported.count(".") > 1 or imported.split(".")[1] in _packages():
                assert layer(imported) <= own, f"{name} imports {imported} from above"
        elif at_import and top not in STANDARD:
            assert top in LOWEST, f"{name} imports {top} when it is imported"
            assert LOWEST[top] <= own, f"{name} imports {top}, which belongs above it"


def test_no_command_is_imported():
    for name, path in modules():
        if layer(name) < COMMANDS:
            for imported, _ in imports(path):
                assert layer_of_ours(imported) < COMMANDS, f"{name} imports a command"


def test_the_commands_are_short():
    for path in (ROOT / "osnet_tf" / "commands").glob("*.py"):
        assert len(path.read_text().splitlines()) <= 90 or path.stem == "command_line", path
    for path in (ROOT / "train").glob("*.py"):
        assert len(path.read_text().splitlines()) <= 8, path
        assert (ROOT / "osnet_tf" / "commands" / path.name).exists(), path
    assert not (ROOT / "train" / "__init__.py").exists()


def layer_of_ours(imported):
    return layer(imported) if imported.split(".")[0] in ("osnet_tf", "train") else NUMPY


def _packages():
    return {path.stem for path in (ROOT / "osnet_tf").iterdir()}
