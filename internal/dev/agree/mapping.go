package agree

import "fmt"

// mapping is an event source mapping of a stream, with the field names that
// CloudFormation and SAM share.
type mapping struct {
	StartingPosition                                                   string
	BatchSize, MaximumBatchingWindowInSeconds, TumblingWindowInSeconds int
	ParallelizationFactor                                              int
	MaximumRetryAttempts, MaximumRecordAgeInSeconds                    *int
	BisectBatchOnFunctionError                                         bool
	FunctionResponseTypes                                              []string
	FilterCriteria                                                     filterCriteria
}

type filterCriteria struct{ Filters []filter }

type filter struct{ Pattern string }

// aspect returns a mapping as text. Fields that are not set have Lambda's
// defaults, on which the counter's watermarks rely: one batch per shard at a time,
// whole, repeated until it succeeds.
func (m mapping) aspect() string {
	text := fmt.Sprintf("%s, %d records, %d s, window %d s, filter", m.StartingPosition, m.BatchSize,
		m.MaximumBatchingWindowInSeconds, m.TumblingWindowInSeconds)
	for _, f := range m.FilterCriteria.Filters {
		text += " " + f.Pattern
	}
	if m.ParallelizationFactor > 1 {
		text += fmt.Sprintf(", %d batches of a shard at a time", m.ParallelizationFactor)
	}
	for _, limit := range []*int{m.MaximumRetryAttempts, m.MaximumRecordAgeInSeconds} {
		if limit != nil && *limit >= 0 {
			text += ", records dropped"
		}
	}
	if m.BisectBatchOnFunctionError || len(m.FunctionResponseTypes) > 0 {
		text += ", batches split"
	}
	return text
}
