package dynamo

// Codes of journey.Error and journey.Outcome, besides those of package conn.
const (
	codeDeadline = "deadline"
	codeChanged  = "enrollment-changed"
)
