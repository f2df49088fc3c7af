"""Which sources are left out together, so that what is left still teaches every class."""


def split_sources(
    counts: dict[str, dict[str, int]], folds: int, together: list[list[str]]
) -> tuple[list[list[str]], list[str]]:
    """Groups of sources to hide, as many as folds, and the sources that cannot be hidden.

    `counts` says how many pictures each class has from each source. Sources named `together` stay
    together. Largest first, each family goes where it takes away least from the classes that
    already miss most there; the only family of a class stays everywhere.
    """
    family_of = {source: family[0] for family in together for source in family}
    shares: dict[str, dict[str, float]] = {}
    members: dict[str, set[str]] = {}
    for label, sources in counts.items():
        total = sum(sources.values())
        for source, count in sources.items():
            family = family_of.get(source, source)
            members.setdefault(family, set()).add(source)
            share = shares.setdefault(family, {})
            share[label] = share.get(label, 0) + count / total
    unseen = {family for family, share in shares.items() if max(share.values()) == 1}
    hidden: list[set[str]] = [set() for _ in range(folds)]
    missing = [dict.fromkeys(counts, 0.0) for _ in range(folds)]
    order = sorted(shares.keys() - unseen, key=lambda f: (-max(shares[f].values()), f))
    for family in order:
        share = shares[family]

        def cost(fold: int) -> tuple[float, float]:
            lost = missing[fold]
            added = sum((lost[k] + part) ** 2 - lost[k] ** 2 for k, part in share.items())
            return round(added, 9), sum(lost.values())

        best = min(range(folds), key=cost)
        hidden[best].add(family)
        for label, part in share.items():
            missing[best][label] += part
    for index, lost in enumerate(missing):
        empty = [label for label, share in lost.items() if share > 0.999]
        if empty:
            raise SystemExit(f"fold {index + 1} would leave nothing of {', '.join(empty)}")
    groups = [sorted(set().union(*(members[f] for f in fold))) for fold in hidden]
    return groups, sorted(set().union(*(members[f] for f in unseen)))
