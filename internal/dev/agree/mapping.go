package agree

import "fmt"

// mapping is a stream's event source mapping, in the words that CloudFormation
// and SAM share.
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

// aspect writes a mapping as text. What is not set has Lambda's default, which
// a watermark of a shard relies on: one batch of a shard at a time, whole, again
// until it succeeds.
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
			text += ", records given up"
		}
	}
	if m.BisectBatchOnFunctionError || len(m.FunctionResponseTypes) > 0 {
		text += ", batches split"
	}
	return text
}
