// Package chaos tests the engine under faults: the functions' real files run as
// processes on DynamoDB Local while a seed decides which faults happen. The
// package has tests only.
package chaos
