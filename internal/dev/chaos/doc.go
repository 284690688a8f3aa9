// Package chaos tests the engine on the real parts: the functions' own files,
// each call in a process, on DynamoDB Local, while faults from a seed befall
// them. It has no code of its own.
package chaos
