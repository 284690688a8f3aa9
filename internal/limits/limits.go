// Package limits lists the limits of the domain by the names that clients know.
package limits

import (
	"time"

	"journeys/internal/condition"
	"journeys/internal/consent"
	"journeys/internal/graph"
	"journeys/internal/journey"
	"journeys/internal/payload"
	"journeys/internal/progress"
	"journeys/internal/strict"
	"journeys/internal/update"
)

// ByName returns the limits of journeys, customers and events that a client must know to
// check a journey while it is edited, and to size its calls. openapi.yaml says what each
// is of.
func ByName() map[string]int {
	return map[string]int{
		"maxJourneys":                journey.MaxJourneys,
		"maxStartedJourneys":         journey.MaxStarted,
		"maxNameCharacters":          journey.MaxName,
		"maxDescriptionCharacters":   journey.MaxDescription,
		"maxDurationDays":            journey.MaxDuration,
		"maxDefinitionBytes":         journey.MaxDefinition,
		"maxEntryConditionBytes":     graph.MaxEntryCondition,
		"maxSettingsBytes":           graph.MaxSettings,
		"maxExits":                   graph.MaxExits,
		"maxGoalWindowDays":          graph.MaxGoalWindow,
		"maxReentryRuns":             graph.MaxRuns,
		"maxReentryIntervalHours":    graph.MaxReentryHours,
		"maxNodes":                   graph.MaxNodes,
		"maxEdges":                   graph.MaxEdges,
		"maxNodeIdCharacters":        strict.MaxWord,
		"maxLabelCharacters":         graph.MaxLabel,
		"maxWaitHours":               graph.MaxDelayHours,
		"maxAwaitedEvents":           graph.MaxAwaits,
		"maxMultiSplitBranches":      graph.MaxConditions,
		"maxRandomSplitBranches":     graph.MaxWays,
		"maxBranchWeight":            graph.MaxWeight,
		"maxUpdatedAttributes":       update.MaxChanges,
		"maxDecisionTimeoutMs":       int(graph.MaxDecisionTimeout / time.Millisecond),
		"maxPayloadBytes":            payload.MaxSize,
		"maxKeptBytes":               progress.MaxKept,
		"maxConditionDepth":          condition.MaxDepth,
		"maxConditionLeaves":         condition.MaxLeaves,
		"maxConditionListValues":     condition.MaxList,
		"maxConditionTextCharacters": condition.MaxTextValue,
		"maxConditionPeriodDays":     condition.MaxPeriod,
		"maxFieldCharacters":         condition.MaxField,
		"maxFieldNames":              condition.MaxSegments,
		"maxEventTypeCharacters":     condition.MaxEventType,
		"maxAttributesBytes":         progress.MaxAttributes,
		"maxPropertiesBytes":         journey.MaxProperties,
		"maxCallCustomers":           journey.MaxBatch,
		"maxCallEvents":              journey.MaxEvents,
		"maxTopics":                  consent.MaxTopics,
		"maxTopicNameCharacters":     consent.MaxTopicName,
		"maxTopicChannels":           consent.MaxChannels,
	}
}
