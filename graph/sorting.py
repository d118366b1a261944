"""The classifier of an installation: the one that ships, with a MiniLM folder beside it or without."""

from pathlib import Path

from graph.config_file import SettingsError
from routing.classifier import Classifier
from routing.minilm import ExtraMissingError
from routing.tensors import ModelFolderError
from routing.weights import WeightsError


def open_classifier(minilm: Path | None) -> Classifier:
    """Read the classifier now, so that what is wrong with the folder is told before a turn begins.

    Args:
        minilm: The setting `routing_minilm`.

    Raises:
        SettingsError: When the folder cannot be used, or the extra `minilm` is missing.
    """
    try:
        return Classifier.load(minilm=minilm)
    except (ModelFolderError, WeightsError, ExtraMissingError) as error:
        if minilm is None:
            raise
        raise SettingsError(f"The setting routing_minilm cannot be used: {error}") from None
