"""Embedding on several hosts at once: what `embed_paths` asks for it."""

import abc


class AcrossHosts(abc.ABC):
    """In place of a strategy for `embed_paths`: hosts that embed a share of the files each."""

    @abc.abstractmethod
    def embed(self, model, paths, embed, **options):
        """Embeds files.

        Args:
            model: The model.
            paths: A list of n paths.
            embed: `embed(paths)` gives the embeddings of some of the paths, made by this host.
            **options: What else another host must know: `batch_size`, `flip_test`, `normalize`.

        Returns:
            float32 `(n, dim)`, in the order of `paths`.
        """
