// Package e2e tests the service over HTTP, as callers see it. Without flags its
// tests build the functions and run them on this machine, on DynamoDB Local. With
// -url they call an API elsewhere. That API must trust the key in the directory
// of -issuer, which signs the tests' tokens. -gateway names the gateway there if
// it is known to differ. Tests named TestLocal look behind the API of this
// machine; with -url, skip them by -skip '^TestLocal'.
package e2e
