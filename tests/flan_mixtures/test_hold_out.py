"""Hold-out splits of Flan 2021 keep what is evaluated, and what resembles it, out of training."""

from __future__ import annotations

import collections

import pytest

from flan_mixtures.catalogue.declaration import declarations
from flan_mixtures.catalogue.table import collection
from flan_mixtures.mixtures.hold_out import INTRA_CLUSTER_SPLITS, clusters, inter_cluster, intra_cluster
from t5x.errors import UserError

EVERY_SPLIT = [*map(inter_cluster, clusters()), *map(intra_cluster, range(INTRA_CLUSTER_SPLITS))]

# Tasks per cluster, as published, and the last two for the tasks that came later.
SIZES = {
    "summarization": 11,
    "structure_to_text": 4,
    "reading_comprehension": 6,
    "open_domain_qa": 4,
    "paraphrase": 4,
    "sentiment": 4,
    "text_formatting": 3,
    "common_sense": 4,
    "translation": 8,
    "coreference": 3,
    "entailment": 10,
    "math": 1,
    "conversational_qa": 2,
    "word_disambiguation": 1,
    "linguistic_acceptability": 1,
    "question_classification": 1,
    "read_comp_and_common_sense": 2,
    "language_modeling": 1,
    "unified_qa_science": 1,
}


def test_the_clusters_hold_the_71_tasks_of_the_published_table_once_each():
    assert {name: len(tasks) for name, tasks in clusters().items()} == SIZES
    tasks = [task for cluster in clusters().values() for task in cluster]
    assert len(tasks) == 71
    assert set(tasks) == {line.task for line in collection() if line.source.startswith("FLAN") and line.task}


def test_declared_clusters_are_the_same():
    of_task = {task: cluster for cluster, tasks in clusters().items() for task in tasks}
    assert {task: found.cluster for task, found in declarations("flan2021").items()} == of_task


def test_every_task_is_in_exactly_one_part_of_every_split():
    for split in EVERY_SPLIT:
        parts = (*split.train, *split.held_out, *split.excluded)
        assert len(parts) == len(set(parts)) == 71
        assert split.held_out


def test_holding_out_a_cluster_holds_out_all_of_it():
    for cluster, tasks in clusters().items():
        assert set(inter_cluster(cluster).held_out) == set(tasks)


@pytest.mark.parametrize(
    ("held_out", "also_excluded"),
    [
        ("reading_comprehension", {"read_comp_and_common_sense"}),
        ("common_sense", {"read_comp_and_common_sense"}),
        ("read_comp_and_common_sense", {"reading_comprehension", "common_sense"}),
        ("paraphrase", {"entailment"}),
        ("entailment", {"paraphrase"}),
        ("sentiment", set()),
    ],
)
def test_clusters_that_resemble_the_held_out_one_are_not_trained_on(held_out, also_excluded):
    train = set(inter_cluster(held_out).train)
    untouched = {cluster for cluster, tasks in clusters().items() if not train & set(tasks)}
    assert untouched == {held_out} | also_excluded


def test_tasks_made_from_the_same_texts_are_never_on_both_sides():
    assert "qnli" in inter_cluster("reading_comprehension").excluded
    assert "wnli" in inter_cluster("coreference").excluded
    assert "opinion_abstracts_rotten_tomatoes" in inter_cluster("sentiment").excluded
    for split in EVERY_SPLIT:
        for group in ({"squad_v1", "squad_v2", "qnli"}, {"wsc", "wnli"}, {"arc_easy", "unified_qa_science_inst"}):
            assert not (group & set(split.held_out) and group & set(split.train))


def test_an_intra_cluster_split_holds_out_one_data_set_per_cluster():
    variants = [{"squad_v1", "squad_v2"}, {"arc_challenge", "arc_easy"}, {"anli_r1", "anli_r2", "anli_r3"}]
    variants += [
        {"mnli_matched", "mnli_mismatched"},
        {"opinion_abstracts_rotten_tomatoes", "opinion_abstracts_idebate"},
    ]
    for index in range(INTRA_CLUSTER_SPLITS):
        held = set(intra_cluster(index).held_out)
        for tasks in clusters().values():
            within = held & set(tasks)
            assert (len(within) == 1 or within in variants) if len(tasks) > 1 else not within


def test_over_the_ten_splits_every_data_set_that_has_a_sibling_is_held_out():
    times = collections.Counter(task for index in range(10) for task in intra_cluster(index).held_out)
    assert set(times) == {task for tasks in clusters().values() if len(tasks) > 1 for task in tasks}


def test_unknown_splits_are_the_users_mistake():
    with pytest.raises(UserError, match=r"no cluster 'sentimnt'.*'sentiment'"):
        inter_cluster("sentimnt")
    with pytest.raises(UserError, match="no intra-cluster split 10"):
        intra_cluster(10)
