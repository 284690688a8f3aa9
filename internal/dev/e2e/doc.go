// Package e2e tests the whole as a caller sees it: over HTTP, with tokens, and
// nothing else. Without flags its tests build the functions and run them on
// this machine, on DynamoDB Local. With -url they call an API that runs
// elsewhere, and sign their tokens with the key in the directory of -issuer,
// which that API must trust; -gateway names the gateway there, if it is one that
// is known to differ. The tests named TestLocal look behind the API of this
// machine; leave them out with -skip '^TestLocal' where there is -url.
package e2e
