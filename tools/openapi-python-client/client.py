"""Use a running API with a client that is generated from openapi.yaml alone.

It creates, simulates, activates and deletes a journey, enrolls customers and
changes what is known about them. Every answer is read into the generated types.
"""
import datetime
import os

from generated import AuthenticatedClient, models
from generated.api.analytics import get_journey_analytics, list_analytics
from generated.api.customers import enroll_customers, get_enrollment, patch_customer, put_customers, put_event
from generated.api.journeys import create_journey, delete_journey, get_journey, list_journeys, update_journey
from generated.api.simulation import test_journey

URL = os.environ["JOURNEYS_URL"] + "/api/v1"
client = AuthenticatedClient(base_url=URL, token=os.environ["JOURNEYS_TOKEN"], raise_on_unexpected_status=True)

NOW = datetime.datetime(2026, 11, 23, 10, 0, tzinfo=datetime.timezone.utc)


def definition():
    """A graph with nodes and conditions of many kinds."""
    position = models.EntryTriggerNode(id="start", type_="entry_trigger")
    position["position"] = {"x": 0, "y": 0}
    condition = models.AllCondition(all_=[
        models.OrderTest(field="visits", operator=models.OrderOperator.GT, value=5),
        models.AnyCondition(any_=[
            models.InTest(field="plan", operator="in", value=["free", "trial"]),
            models.EqualityTest(field="vip", operator=models.EqualityOperator.EQ, value=True),
        ]),
        models.NotCondition(not_=models.PeriodTest(
            field="blockedAt", operator=models.PeriodOperator.WITHIN_LAST, value=models.PeriodInDays(value=30, unit="days"),
        )),
    ])
    payload = models.Payload.from_dict({"text": "Thank you"})
    return models.Definition(
        nodes=[
            position,
            models.WaitNode(id="pause", type_="wait", config=models.WaitConfig(delay=models.DelayInHours(value=48, unit="hours"))),
            models.ConditionSplitNode(id="split", type_="condition_split", config=models.ConditionSplitConfig(condition=condition)),
            models.NbaDecisionNode(id="offer", type_="nba_decision", config=models.NbaDecisionConfig(
                decision_flow_id="next-best", on_error=models.OnError.FAIL)),
            models.ChannelActionNode(id="thanks", type_="channel_action", config=models.ChannelActionConfig(
                channel="email", payload=payload, on_uncertain=models.OnUncertain.SKIP)),
            models.ExitNode(id="converted", type_="exit", config=models.ExitConfig(reason="converted")),
            models.ExitNode(id="quiet", type_="exit", config=models.ExitConfig(reason=None)),
        ],
        edges=[
            models.Edge(source="start", target="pause"),
            models.Edge(source="pause", target="split"),
            models.Edge(source="split", target="offer", source_handle="true"),
            models.Edge(source="split", target="quiet", source_handle="false"),
            models.Edge(source="offer", target="thanks"),
            models.Edge(source="thanks", target="converted"),
        ],
    )


def create():
    answer = create_journey.sync_detailed(client=client, body=models.JourneyDraft(name="Typed in Python", definition=definition()))
    assert answer.status_code == 201, answer
    created = answer.parsed
    assert isinstance(created, models.Journey)
    assert created.status == models.Status.DRAFT
    assert created.definition.to_dict() == definition().to_dict(), created
    split = created.definition.nodes[2].config.condition
    assert isinstance(split, models.AllCondition) and isinstance(split.all_[2], models.NotCondition), split
    return created.id, answer.headers["ETag"]


def simulate(journey):
    body = models.TestRequest.from_dict({"customerAttributes": {"visits": 7, "plan": "free"}, "decisions": {"offer": {"score": 0.9}}})
    result = test_journey.sync(journey, client=client, body=body)
    assert isinstance(result, models.TestResult), result
    assert (result.outcome, result.exit_reason, result.duration_hours) == (models.TestResultOutcome.EXITED, "converted", 48)
    assert [step.node_id for step in result.trace] == ["start", "pause", "split", "offer", "thanks", "converted"]
    seen = result.trace[2].detail.condition
    assert isinstance(seen, models.TracedAll) and isinstance(seen.all_[0], models.TracedTest), seen
    assert seen.all_[0].actual == 7 and seen.result
    assert result.trace[3].detail.decision.to_dict() == {"score": 0.9}
    assert test_journey.sync(journey, client=client).trace[-1].node_id == "quiet"


def activate(journey, etag):
    early = enroll_customers.sync(journey, client=client, body=models.EnrollOne(customer_id="p-1"))
    assert isinstance(early, models.Problem) and early.code == "journey-not-active", early
    change = models.JourneyChange(status=models.Status.ACTIVE)
    assert update_journey.sync(journey, client=client, body=change, if_match=etag).status == models.Status.ACTIVE
    stale = update_journey.sync(journey, client=client, body=change, if_match=etag)
    assert stale.code == "stale-revision", stale
    invalid = update_journey.sync(journey, client=client, body=models.JourneyChange(name=""))
    assert isinstance(invalid.errors[0], models.Fault) and invalid.errors[0].pointer == "/name", invalid


def enroll(journey):
    body = models.EnrollSeveral(customer_ids=["p-1", "p-2", "p-2"])
    for _ in range(2):  # a retry returns the outcomes of the first call
        answer = enroll_customers.sync(journey, client=client, body=body, details=True, idempotency_key="key-1")
        assert (answer.enrolled, answer.skipped, answer.errors) == (2, 1, 0), answer
        assert answer.results[0].outcome == models.EnrollOutcomeOutcome.ENROLLED, answer
    found = get_enrollment.sync(journey, "p-2", client=client)
    assert found.path[0].node_type == models.NodeType.ENTRY_TRIGGER, found
    figures = get_journey_analytics.sync(journey, client=client)
    split = [step for step in figures.steps if step.node_id == "split"]
    assert all(step.branches.to_dict() == {"true": 0, "false": 0} for step in split), figures
    assert figures.edges[0].source == "start", figures
    page = list_analytics.sync(client=client, limit=100)
    assert [j.enrollments.failed for j in page.data if j.id == journey] == [0], page


def change_customers():
    patch = models.CustomerPatch(attributes=models.AttributesPatch.from_dict({"plan": "pro", "phone": None}), as_of=NOW)
    stored = patch_customer.sync("p-1", client=client, body=patch)
    assert stored.attributes.to_dict() == {"plan": "pro"} and stored.as_of == NOW, stored
    entry = models.CustomerPatchEntry(customer_id="p-2", attributes=models.AttributesPatch.from_dict({"visits": 7}))
    outcomes = put_customers.sync(client=client, body=models.CustomerPatches(customers=[entry]))
    assert outcomes.results[0].outcome == models.CustomerOutcomeOutcome.STORED, outcomes
    event = models.Event(customer_id="p-1", event_type="first_order", event_id="e-1", occurred_at=NOW)
    assert put_event.sync(client=client, body=event).event_id == "e-1"


def list_and_delete(journey):
    page = list_journeys.sync(client=client, status=models.Status.ACTIVE, limit=200)
    assert [j.node_count for j in page.data if j.id == journey] == [7], page
    assert delete_journey.sync_detailed(journey, client=client).status_code == 204
    missing = get_journey.sync(journey, client=client)
    assert missing.code == "journey-not-found", missing


journey_id, tag = create()
simulate(journey_id)
activate(journey_id, tag)
enroll(journey_id)
change_customers()
list_and_delete(journey_id)
print(f"client-test: a Python client of openapi-python-client created, simulated, activated and deleted {journey_id}, and enrolled customers")
