"""SpeciesLM's tokenizer: the species token's id comes from the model's own vocabulary."""

from dnaft.tokenizers.kmer import KmerTokenizer
from dnaft.tokenizers.load import load_tokenizer


def species_tokenizer(
    source: str | None,
    species: str,
    revision: str | None = None,
    k: int = 6,
    prefix: str = "",
    suffix: str = "",
) -> KmerTokenizer:
    """Return overlapping k-mers behind the token of a species; it knows all the model knows.

    Args:
        source: Hub id or folder of the model, whose tokenizer knows the species.
        species: Name of the token, such as `candida_glabrata`, of rows that say no other.
        revision: Branch, tag or commit on the hub; the two SpeciesLM have one each.
        k: Bases in a token.
        prefix: Must be empty: k-mers encode bases only.
        suffix: Must be empty.

    Raises:
        ValueError: If the vocabulary cannot be read, has no such species, or orders its k-mers in
            another way than DNABERT's.
    """
    if source is None:
        raise ValueError("a species token needs the model's vocabulary; give model.source")
    vocabulary = load_tokenizer(source, revision)[0].get_vocab(with_added_tokens=True)
    if species not in vocabulary:
        known = sorted(t for t in vocabulary if "_" in t and t.islower())
        raise ValueError(
            f"{source} has no species {species!r}; it has {len(known)}, such as "
            f"{', '.join(known[:5]) or 'none'}"
        )
    expected = KmerTokenizer(k=k).vocabulary()
    wrong = next((word for i, word in enumerate(expected) if vocabulary.get(word) != i), None)
    if wrong is not None:
        raise ValueError(
            f"the vocabulary of {source} does not hold all {k}-mers in DNABERT's order: {wrong} "
            f"should be {expected.index(wrong)} and is {vocabulary.get(wrong, 'missing')}; set "
            "tokenizer.k to the model's"
        )
    return KmerTokenizer(
        k=k,
        species_id=vocabulary[species],
        vocab_size=max(vocabulary.values()) + 1,
        prefix=prefix,
        suffix=suffix,
        species_ids={word: i for word, i in vocabulary.items() if i >= len(expected)},
    )
