"""Starts MiniStack, the AWS emulator of `make test-deploy`, with two fixes for
AUTH=true, where it evaluates IAM policies for every call, and with users of user
pools as resources of CloudFormation. mail.py and streams.py fill other gaps."""

import json
import os
import re
import signal
import sys
import threading

import mail  # noqa: F401
import streams  # noqa: F401
from ministack import app
from ministack.core import iam_actions, iam_evaluator
from ministack.services import cognito
from ministack.services.cloudformation import provisioners

# The policy of CDK's bucket denies requests without TLS. Here every request comes
# over the loopback interface without TLS, so claim that it was secure.
app.pin_request_origin = lambda address, secure: iam_evaluator.pin_request_origin(address, True)

# MiniStack supports DynamoDB's PartiQL calls, but does not know that IAM checks
# each statement in them against its own action (dynamodb:PartiQLInsert and so on).
STATEMENT = re.compile(
    r'\s*(?:(INSERT)\s+INTO|(UPDATE)|(DELETE)\s+FROM|(SELECT)\b.*?\sFROM)\s+"([^"]+)"(?:\."([^"]+)")?',
    re.IGNORECASE | re.DOTALL,
)
ITEM_CHECKS = iam_actions.dynamodb_transaction_checks


def checks(action, body, region, account):
    """Return the (action, resource) pairs that IAM must allow."""
    request = json.loads(body or b"{}")
    statements = {
        "dynamodb:ExecuteStatement": lambda: [request],
        "dynamodb:BatchExecuteStatement": lambda: request["Statements"],
        "dynamodb:ExecuteTransaction": lambda: request["TransactStatements"],
    }.get(action)
    if statements is None:
        return ITEM_CHECKS(action, body, region, account)
    return [check(s["Statement"], region, account) for s in statements()]


def check(statement, region, account):
    match = STATEMENT.match(statement)
    if match is None:
        return "dynamodb:PartiQLUnknown", "*"
    verb = next(filter(None, match.groups()[:4])).capitalize()
    arn = f"arn:aws:dynamodb:{region}:{account}:table/{match[5]}"
    return "dynamodb:PartiQL" + verb, arn + (f"/index/{match[6]}" if match[6] else "")


iam_actions.dynamodb_transaction_checks = checks


def create_user(logical_id, properties, stack):
    answer = cognito._admin_create_user(properties)
    if answer[0] != 200:
        raise ValueError(f"{logical_id}: {answer[2]!r}")
    return properties["Username"], {}


def delete_user(name, properties):
    cognito._admin_delete_user({"UserPoolId": properties["UserPoolId"], "Username": name})


provisioners._RESOURCE_HANDLERS["AWS::Cognito::UserPoolUser"] = {"create": create_user, "delete": delete_user}


def end_with_input():
    """Kill the process group, with the functions in it, once stdin is closed."""
    sys.stdin.buffer.read()
    os.killpg(0, signal.SIGKILL)


threading.Thread(target=end_with_input, daemon=True).start()
app.main()
