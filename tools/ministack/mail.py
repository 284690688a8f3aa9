"""Gives MiniStack's SES what it leaves out of mail: IAM's decision about the sender, the
configuration set, headers and tags, and the events.

Two paths are no part of SES. GET /v2/email/outbound-emails answers with the requests of
the mails sent, by message id. POST /v2/email/outbound-emails/{id}/events publishes what
became of a mail as SES does: to EventBridge, if the mail's configuration set says so."""

import json
import re
from email.utils import parseaddr

from ministack import app
from ministack.core.responses import get_account_id, get_region, json_response, now_iso
from ministack.services import eventbridge, ses_v2

PATH = "/v2/email/outbound-emails"
EVENTS = re.compile(re.escape(PATH) + "/([^/]+)/events")
DETAIL_TYPES = {
    "Bounce": "Email Bounced",
    "Click": "Email Clicked",
    "Complaint": "Email Complaint Received",
    "Delivery": "Email Delivered",
    "Open": "Email Opened",
}

sent = {}  # requests by message id
own_enforce, own_handle = app._enforce_ses_v2, ses_v2.handle_request


def arn(kind, name):
    return f"arn:aws:ses:{get_region()}:{get_account_id()}:{kind}/{name}"


def enforce(method, path, headers, body, query, request_id):
    """Authorize a mail for its sender and its configuration set; MiniStack asks for "*"."""
    if method != "POST" or path != PATH:
        return own_enforce(method, path, headers, body, query, request_id)
    mail = json.loads(body)
    sender = parseaddr(mail["FromEmailAddress"])[1]
    identity = sender if sender in ses_v2._identities else sender.rpartition("@")[2]
    resources = [arn("identity", identity)]
    if "ConfigurationSetName" in mail:
        resources.append(arn("configuration-set", mail["ConfigurationSetName"]))
    for resource in resources:
        denied = app._enforce_data_plane(
            "sesv2", "ses:SendEmail", headers, query, request_id, resource_arn=resource,
            service_context={"ses:FromAddress": sender}, named_resource=resource,
        )
        if denied:
            return denied
    return None


async def handle(method, path, headers, body, query):
    if path == PATH and method == "GET":
        return json_response(sent)
    event = EVENTS.fullmatch(path)
    if event and method == "POST":
        return publish(event[1], json.loads(body))
    if path != PATH:
        return await own_handle(method, path, headers, body, query)
    mail = json.loads(body)
    name = mail.get("ConfigurationSetName")
    if name and name not in ses_v2._config_sets:
        return ses_v2._missing_config_set(name)
    answer = await own_handle(method, path, headers, body, query)
    if answer[0] == 200:
        sent[json.loads(answer[2])["MessageId"]] = mail
    return answer


def publish(message_id, event):
    """Publish an event, which has all but the mail that it is about."""
    request = sent[message_id]
    name = request["ConfigurationSetName"]
    event["mail"] = {
        "timestamp": now_iso(),
        "source": request["FromEmailAddress"],
        "sendingAccountId": get_account_id(),
        "messageId": message_id,
        "destination": request["Destination"]["ToAddresses"],
        "tags": {"ses:configuration-set": [name], **{t["Name"]: [t["Value"]] for t in request["EmailTags"]}},
    }
    buses = [
        destination["EventBridgeDestination"]["EventBusArn"]
        for destination in ses_v2._config_sets[name]["EventDestinations"].values()
        if destination["Enabled"] and event["eventType"].lower() in map(str.lower, destination["MatchingEventTypes"])
    ]
    if buses:
        # The exported call refuses the sources of AWS, as AWS does.
        eventbridge._put_events({"Entries": [{
            "Source": "aws.ses", "DetailType": DETAIL_TYPES[event["eventType"]], "Detail": json.dumps(event),
            "Resources": [arn("configuration-set", name)], "EventBusName": bus,
        } for bus in buses]}, allow_aws_source=True)
    return json_response({"Published": len(buses)})


app._enforce_ses_v2, ses_v2.handle_request = enforce, handle
