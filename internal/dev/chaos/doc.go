// Package chaos tests the engine under faults: the functions' real files run as
// processes on DynamoDB Local while a seed decides which faults happen, for two
// tenants, one of which is a bad neighbor. It asserts what holds on a machine of any
// speed, and logs how late messages are. The package has tests only.
package chaos
