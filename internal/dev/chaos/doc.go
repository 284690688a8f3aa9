// Package chaos tests the engine under faults: the functions' real files run as
// processes on DynamoDB Local while a seed decides which faults happen, for three
// tenants: one is a bad neighbor, and one has customers who change their minds about what
// they want to be sent. It asserts what holds on a machine of any
// speed, and logs how late messages are. The package has tests only.
package chaos
