package manifest

// The keys and settings of the one table: on demand, with point-in-time recovery,
// a stream of new images, and one sparse index.
const (
	PartitionKey = "PK"  // string
	SortKey      = "SK"  // string
	TTL          = "ttl" // number, seconds since 1970; items are deleted up to days later, so readers compare it

	// DueIndex lists the keys of every live enrollment by due time.
	DueIndex        = "due"
	DuePartitionKey = "dp" // string
	DueSortKey      = "ds" // number, milliseconds since 1970

	StreamView      = "NEW_IMAGE"
	IndexProjection = "KEYS_ONLY"
)
