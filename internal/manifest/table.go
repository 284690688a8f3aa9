package manifest

// The one table: on demand, point-in-time recovery, stream of new images, and
// one sparse index.
const (
	PartitionKey = "PK"  // string
	SortKey      = "SK"  // string
	TTL          = "ttl" // number, seconds since 1970; DynamoDB deletes days late, so readers compare too

	// DueIndex holds the keys of every live enrollment, by when it is due.
	DueIndex        = "due"
	DuePartitionKey = "dp" // string
	DueSortKey      = "ds" // number, milliseconds since 1970

	StreamView      = "NEW_IMAGE"
	IndexProjection = "KEYS_ONLY"
)
