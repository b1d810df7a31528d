"""The 71 tasks of Flan 2021 are there, in their clusters, and each can be read from the sources it names."""

from __future__ import annotations

import csv
import json
import re

import pytest

from flan_mixtures.catalogue.declaration import declarations
from flan_mixtures.catalogue.row_mapping import adapter_module, to_row
from flan_mixtures.catalogue.task_rows import TaskRows
from flan_mixtures.sources.make_source import make_source

TASKS = declarations("flan2021")

# The clusters of the published task splits, and the two tasks that the second version added, each a cluster of its own.
CLUSTERS = {
    "summarization": "aeslc cnn_dailymail gigaword multi_news newsroom samsum xsum ag_news_subset "
    "opinion_abstracts_rotten_tomatoes opinion_abstracts_idebate wiki_lingua_english_en",
    "structure_to_text": "web_nlg_en common_gen e2e_nlg dart",
    "reading_comprehension": "squad_v1 squad_v2 drop multirc openbookqa bool_q",
    "open_domain_qa": "trivia_qa natural_questions arc_challenge arc_easy",
    "paraphrase": "glue_mrpc glue_qqp paws_wiki stsb",
    "sentiment": "imdb_reviews sentiment140 yelp_polarity_reviews sst2",
    "text_formatting": "true_case fix_punct word_segment",
    "common_sense": "copa hellaswag story_cloze piqa",
    "translation": "para_crawl_enes wmt14_enfr wmt16_translate_deen wmt16_translate_tren wmt16_translate_csen "
    "wmt16_translate_fien wmt16_translate_roen wmt16_translate_ruen",
    "coreference": "definite_pronoun_resolution winogrande wsc",
    "entailment": "anli_r1 anli_r2 anli_r3 cb rte mnli_matched mnli_mismatched qnli wnli snli",
    "math": "math_dataset",
    "conversational_qa": "quac coqa",
    "word_disambiguation": "wic",
    "linguistic_acceptability": "cola",
    "question_classification": "trec",
    "read_comp_and_common_sense": "record cosmos_qa",
    "language_modeling": "lambada",
    "unified_qa_science": "unified_qa_science_inst",
}

# Which phrasings each task has, the fields those name, and whether they have answer options (o).
FAMILIES = """
summarize_article: article -> cnn_dailymail multi_news newsroom xsum wiki_lingua_english_en
headline: text -> gigaword
email_subject: email -> aeslc
summarize_dialogue: dialogue -> samsum
topic (o): title text -> ag_news_subset
review_consensus: movie reviews -> opinion_abstracts_rotten_tomatoes
argument_claim: topic arguments -> opinion_abstracts_idebate
data_to_text: data -> web_nlg_en e2e_nlg dart
concepts_to_sentence: concepts -> common_gen
extractive_qa: title context question -> squad_v1
extractive_qa_or_none: title context question -> squad_v2
passage_arithmetic: context question -> drop
answer_check (o): paragraph question response -> multirc
multiple_choice_fact (o): fact question -> openbookqa
passage_yes_no (o): title passage question -> bool_q
closed_book_qa: question -> trivia_qa natural_questions
multiple_choice_question (o): question -> arc_challenge arc_easy unified_qa_science_inst
paraphrase (o): sentence1 sentence2 -> glue_mrpc paws_wiki
duplicate_questions (o): question1 question2 -> glue_qqp
sentence_similarity (o): sentence1 sentence2 -> stsb
review_sentiment (o): review -> imdb_reviews yelp_polarity_reviews sst2
tweet_sentiment (o): tweet -> sentiment140
restore_case: text -> true_case
restore_punctuation: text -> fix_punct
restore_spaces: text -> word_segment
cause_or_effect (o): premise asks -> copa
continuation_choice (o): context -> hellaswag story_cloze
goal_solution (o): goal -> piqa
last_word: passage -> lambada
translation: source source_language target_language -> para_crawl_enes wmt14_enfr wmt16_translate_deen
translation: source source_language target_language -> wmt16_translate_tren wmt16_translate_csen wmt16_translate_fien
translation: source source_language target_language -> wmt16_translate_roen wmt16_translate_ruen
pronoun_reference (o): sentence pronoun -> definite_pronoun_resolution
pronoun_check (o): text pronoun noun -> wsc
fill_the_blank (o): sentence -> winogrande
entailment_three_way (o): premise hypothesis -> anli_r1 anli_r2 anli_r3 cb mnli_matched mnli_mismatched snli
entailment_two_way (o): premise hypothesis -> rte wnli
question_answered_by (o): question sentence -> qnli
math_problem: question -> math_dataset
conversational_qa: story history question -> quac coqa
word_in_context (o): word sentence1 sentence2 -> wic
acceptability (o): sentence -> cola
question_type (o): question -> trec
entity_blank (o): passage query -> record
multiple_choice_passage (o): context question -> cosmos_qa
"""


def test_the_71_tasks_are_in_their_clusters():
    expected = {task: cluster for cluster, tasks in CLUSTERS.items() for task in tasks.split()}
    assert {task: declaration.cluster for task, declaration in TASKS.items()} == expected
    assert len(TASKS) == 71


def test_every_task_has_the_fields_and_options_of_its_family():
    expected = {}
    for line in FAMILIES.strip().splitlines():
        name, options, fields, tasks = re.fullmatch(r"(\w+)( \(o\))?: (.+?) -> (.+)", line).groups()
        expected |= {task: (name, tuple(fields.split()), bool(options)) for task in tasks.split()}
    actual = {
        task: (declaration.templates, tuple(declaration.fields), "label" in declaration.answer)
        for task, declaration in TASKS.items()
    }
    assert actual == expected


def test_every_task_says_what_its_data_is():
    for task, declaration in TASKS.items():
        assert (declaration.rows or 0) > 0, task
        assert all((declaration.licence, declaration.category, declaration.languages)), task
        assert set(declaration.long) <= set(declaration.fields), task
        assert not declaration.adapter or adapter_module(declaration.adapter).adapt, task
    assert [task for task, declaration in TASKS.items() if declaration.ordered_options] == ["stsb"]


def test_every_source_is_one_that_can_be_made_and_trains():
    for task, declaration in TASKS.items():
        kinds = [mapping["kind"] for mapping in declaration.sources]
        assert kinds[0] == "tfds", task
        for mapping in declaration.sources:
            source = make_source(mapping)
            given = mapping.get("splits") or mapping["files"]
            assert source.describe()
            assert {"train", "validation"} <= set(given) <= {"train", "validation", "test"}, task


def test_no_split_holds_rows_of_another():
    # A split that is learnt from in part is sliced wherever it is named, so that nothing tested was learnt.
    for task, declaration in TASKS.items():
        for mapping in declaration.sources:
            splits = mapping.get("splits", {})
            whole = [text for text in splits.values() if "[" not in text]
            assert len(set(splits.values())) == len(splits), task
            for text in splits.values():
                name, bracket, part = text.partition("[")
                assert not bracket or name not in whole, (task, splits)
            train = splits.get("train", "")
            if ":-" in train:
                name, _, part = train.partition("[:")
                assert splits["validation"].startswith(f"{name}[{part.removesuffix(']')}:"), (task, splits)


def test_categories_are_those_of_the_collections_table(shared):
    with (shared / "data/flan_cot/flan_collection_info.csv").open(encoding="utf-8", newline="") as file:
        known = {row["Generic Task Category"] for row in csv.DictReader(file) if "FLAN" in row["Source"]}
    assert {declaration.category for declaration in TASKS.values()} <= known


@pytest.mark.parametrize("task", ["bool_q", "cb", "copa", "rte", "wic"])
def test_every_row_of_the_local_superglue_files_is_read(task, shared, monkeypatch):
    monkeypatch.setenv("FLAN_MIXTURES_DATA", str(shared / "data"))
    declaration = TASKS[task]
    mapping = next(mapping for mapping in declaration.sources if mapping["kind"] == "jsonl")
    answers = set()
    for split in ("train", "validation"):
        rows = TaskRows(declaration, make_source(mapping), split, mapping)
        lines = (shared / "data" / mapping["files"][split]).read_text(encoding="utf-8").splitlines()
        assert len(rows) == len(lines) >= 32
        for row, line in zip(rows, lines, strict=True):
            answers.add((str(json.loads(line)["label"]), row.gold if task == "copa" else row.answer))
    assert (
        answers
        == {
            "bool_q": {("True", "yes"), ("False", "no")},
            "wic": {("True", "yes"), ("False", "no")},
            "copa": {("0", 0), ("1", 1)},
            "rte": {("entailment", "yes"), ("not_entailment", "no")},
            "cb": {("entailment", "yes"), ("contradiction", "no"), ("neutral", "it is not possible to tell")},
        }[task]
    )


# Records as the Hugging Face copies have them, where their fields are not those of TFDS.
@pytest.mark.parametrize(
    ("task", "record", "answer"),
    [
        ("hellaswag", {"ctx": "c", "endings": ["a", "b", "x", "y"], "label": "1"}, "b"),
        ("winogrande", {"sentence": "The _ ran.", "option1": "a", "option2": "b", "answer": "1"}, "a"),
        ("trec", {"text": "Who?", "coarse_label": 0, "fine_label": 1}, "abbreviation"),
        ("trec", {"text": "Who?", "coarse_label": 5, "fine_label": 1}, "numeric"),
        ("anli_r1", {"uid": "0", "premise": "p", "hypothesis": "h", "label": 2, "reason": ""}, "no"),
        (
            "openbookqa",
            {
                "question_stem": "s",
                "choices": {"text": list("wxyz"), "label": list("ABCD")},
                "answerKey": "C",
                "fact1": "f",
            },
            "y",
        ),
        ("arc_easy", {"question": "q", "choices": {"text": ["x", "y"], "label": ["1", "2"]}, "answerKey": "2"}, "y"),
        ("sentiment140", {"text": "t", "sentiment": 4, "query": "NO_QUERY"}, "positive"),
        ("wmt16_translate_deen", {"translation": {"de": "Hallo", "en": "Hello"}}, "Hello"),
        ("wmt14_enfr", {"translation": {"fr": "Bonjour", "en": "Hello"}}, "Bonjour"),
        ("drop", {"passage": "p", "question": "q", "answers_spans": {"spans": ["3"], "types": ["number"]}}, "3"),
        ("lambada", {"text": "so it goes", "domain": "None"}, "goes"),
        ("bool_q", {"question": "q", "passage": "T -- text", "idx": 0, "label": 1}, "yes"),
    ],
)
def test_copies_with_other_fields_are_read_too(task, record, answer):
    declaration = TASKS[task]
    mapping = next(mapping for mapping in declaration.sources if mapping["kind"] in ("hf", "parquet"))
    assert to_row(declaration, mapping, record, "row").answer == answer
