package api

import (
	"net/http"

	"journeys/internal/auth"
	"journeys/internal/catalog"
	"journeys/internal/condition"
	"journeys/internal/graph"
	"journeys/internal/journey"
	"journeys/internal/payload"
	"journeys/internal/progress"
	"journeys/internal/strict"
	"journeys/internal/update"
	"journeys/internal/version"
)

type settingsBody struct {
	Channels  []serviceBody `json:"channels"`
	Decisions []serviceBody `json:"decisions"`
	Limits    limitsBody    `json:"limits"`
	Version   string        `json:"version"`
	Caller    callerBody    `json:"caller"`
}

// serviceBody is a channel or a decision flow.
type serviceBody struct {
	Name    string `json:"name"` // catalog.DefaultName for the one of all other names
	Kind    string `json:"kind"`
	Address string `json:"address,omitzero"`
}

type callerBody struct {
	Tenant string `json:"tenant"`
	Role   string `json:"role"`
	Sub    string `json:"sub,omitzero"`
}

func getSettings(a *API, w http.ResponseWriter, r *request) error {
	if err := r.checkFaults(); err != nil {
		return err
	}
	caller := auth.FromContext(r.Context())
	services := a.Journeys.Catalog
	return writeJSON(w, http.StatusOK, settingsBody{
		Channels:  newServices(services.Channels, caller.Tenant.String()),
		Decisions: newServices(services.Decisions, caller.Tenant.String()),
		Limits:    limits,
		Version:   version.Text(),
		Caller:    callerBody{caller.Tenant.String(), caller.Role, caller.Subject},
	})
}

func newServices(list catalog.List, tenant string) []serviceBody {
	names := list.Names(tenant)
	services := make([]serviceBody, len(names))
	for i, name := range names {
		services[i] = serviceBody{name, list[name].Kind, list[name].Address}
	}
	return services
}

// limitsBody holds what a client must know to check a journey while it is edited, and
// the sizes of calls.
type limitsBody struct {
	Journeys              int `json:"maxJourneys"`
	StartedJourneys       int `json:"maxStartedJourneys"`
	NameCharacters        int `json:"maxNameCharacters"`
	DescriptionCharacters int `json:"maxDescriptionCharacters"`
	DurationDays          int `json:"maxDurationDays"`
	DefinitionBytes       int `json:"maxDefinitionBytes"`
	EntryConditionBytes   int `json:"maxEntryConditionBytes"`
	SettingsBytes         int `json:"maxSettingsBytes"`
	Exits                 int `json:"maxExits"`
	GoalWindowDays        int `json:"maxGoalWindowDays"`
	ReentryRuns           int `json:"maxReentryRuns"`
	ReentryIntervalHours  int `json:"maxReentryIntervalHours"`

	Nodes               int `json:"maxNodes"`
	Edges               int `json:"maxEdges"`
	NodeIDCharacters    int `json:"maxNodeIdCharacters"`
	LabelCharacters     int `json:"maxLabelCharacters"`
	WaitHours           int `json:"maxWaitHours"`
	AwaitedEvents       int `json:"maxAwaitedEvents"`
	MultiSplitBranches  int `json:"maxMultiSplitBranches"`
	RandomSplitBranches int `json:"maxRandomSplitBranches"`
	BranchWeight        int `json:"maxBranchWeight"`
	UpdatedAttributes   int `json:"maxUpdatedAttributes"`
	DecisionTimeoutMs   int `json:"maxDecisionTimeoutMs"`
	PayloadBytes        int `json:"maxPayloadBytes"`
	KeptBytes           int `json:"maxKeptBytes"`

	ConditionDepth          int `json:"maxConditionDepth"`
	ConditionLeaves         int `json:"maxConditionLeaves"`
	ConditionListValues     int `json:"maxConditionListValues"`
	ConditionTextCharacters int `json:"maxConditionTextCharacters"`
	ConditionPeriodDays     int `json:"maxConditionPeriodDays"`
	FieldCharacters         int `json:"maxFieldCharacters"`
	FieldNames              int `json:"maxFieldNames"`
	EventTypeCharacters     int `json:"maxEventTypeCharacters"`

	IDCharacters    int `json:"maxIdCharacters"`
	AttributesBytes int `json:"maxAttributesBytes"`
	PropertiesBytes int `json:"maxPropertiesBytes"`
	CallCustomers   int `json:"maxCallCustomers"`
	CallEvents      int `json:"maxCallEvents"`
	TestEvents      int `json:"maxTestEvents"`
	BodyBytes       int `json:"maxBodyBytes"`
}

var limits = limitsBody{
	Journeys: journey.MaxJourneys, StartedJourneys: journey.MaxStarted,
	NameCharacters: journey.MaxName, DescriptionCharacters: journey.MaxDescription, DurationDays: journey.MaxDuration,
	DefinitionBytes: journey.MaxDefinition, EntryConditionBytes: graph.MaxEntryCondition, SettingsBytes: graph.MaxSettings,
	Exits: graph.MaxExits, GoalWindowDays: graph.MaxGoalWindow,
	ReentryRuns: graph.MaxRuns, ReentryIntervalHours: graph.MaxReentryHours,

	Nodes: graph.MaxNodes, Edges: graph.MaxEdges, NodeIDCharacters: strict.MaxWord, LabelCharacters: graph.MaxLabel,
	WaitHours: graph.MaxDelayHours, AwaitedEvents: graph.MaxAwaits,
	MultiSplitBranches: graph.MaxConditions, RandomSplitBranches: graph.MaxWays, BranchWeight: graph.MaxWeight,
	UpdatedAttributes: update.MaxChanges, DecisionTimeoutMs: int(graph.MaxDecisionTimeout.Milliseconds()),
	PayloadBytes: payload.MaxSize, KeptBytes: progress.MaxKept,

	ConditionDepth: condition.MaxDepth, ConditionLeaves: condition.MaxLeaves, ConditionListValues: condition.MaxList,
	ConditionTextCharacters: condition.MaxTextValue, ConditionPeriodDays: condition.MaxPeriod,
	FieldCharacters: condition.MaxField, FieldNames: condition.MaxSegments, EventTypeCharacters: condition.MaxEventType,

	IDCharacters: MaxID, AttributesBytes: progress.MaxAttributes, PropertiesBytes: journey.MaxProperties,
	CallCustomers: journey.MaxBatch, CallEvents: journey.MaxEvents, TestEvents: maxTestEvents, BodyBytes: MaxBody,
}
