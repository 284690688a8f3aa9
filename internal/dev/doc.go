// Package dev is the workshop: what runs, tests and measures the product on one
// machine. Nothing here is deployed, and nothing outside of it, infra's tests and
// test files imports it.
//
//   - agree: holds the manifest, template.yaml, openapi.yaml, events/ and docs to each other
//   - apitest: the API inside a test, without a gateway
//   - build: builds the functions into dist/, and installs the npm packages
//   - chaos: long tests of the real parts under faults
//   - client: calls the API over HTTP
//   - cmd: the commands behind the Makefile's targets
//   - dynamolocal: DynamoDB Local as a child process, with the manifest's table
//   - dynamotest: DynamoDB Local for a package's tests, and a client with faults
//   - e2e: end-to-end tests of the API over HTTP
//   - funnel: draws a journey's funnel as text
//   - gateway: an API Gateway HTTP API
//   - golden: compares what a test made with a file of the repository
//   - inbox: keeps the messages that channels send
//   - issuer: signs tokens that the functions of this machine accept
//   - journeytest: definitions for tests: read from JSON, or random
//   - lambda: AWS Lambda, with asynchronous calls, schedules, streams and faults
//   - local: wires all of these to one API on one machine
//   - openapi: holds requests and answers to openapi.yaml
//   - process: child processes that can be frozen
//   - sam: the functions in SAM CLI's containers
package dev
