// Package local makes one machine answer as AWS does: an API Gateway HTTP API
// in front of Lambda functions, which run from the files that are deployed, on
// DynamoDB Local, with schedules, asynchronous calls, an inbox for what channels
// send, and an issuer of tokens for development. It can be as cruel as the
// cloud. It knows the
// manifest and the forms of AWS; it must not know what the functions do, and is
// never deployed.
package local
