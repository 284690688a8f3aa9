"""Starts MiniStack, which stands in for AWS in `make test-deploy`, with the two
things mended that it gets wrong where IAM judges every call (AUTH=true)."""

import json
import os
import re
import signal
import sys
import threading

from ministack import app
from ministack.core import iam_actions, iam_evaluator

# CDK's bucket refuses what does not come over TLS. Here all comes over the
# loopback interface, and nothing else is to be refused for that.
app.pin_request_origin = lambda address, secure: iam_evaluator.pin_request_origin(address, True)

# MiniStack knows DynamoDB's PartiQL calls, but not that IAM judges each of
# their statements by an action of its own.
STATEMENT = re.compile(
    r'\s*(?:(INSERT)\s+INTO|(UPDATE)|(DELETE)\s+FROM|(SELECT)\b.*?\sFROM)\s+"([^"]+)"(?:\."([^"]+)")?',
    re.IGNORECASE | re.DOTALL,
)
ITEM_CHECKS = iam_actions.dynamodb_transaction_checks


def checks(action, body, region, account):
    """Returns the pairs of an action and a resource that IAM must allow."""
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


def end_with_input():
    """Ends this and the functions that it started: all of the process group."""
    sys.stdin.buffer.read()
    os.killpg(0, signal.SIGKILL)


threading.Thread(target=end_with_input, daemon=True).start()
app.main()
