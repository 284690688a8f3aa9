package memory

import (
	"encoding/base64"
	"strings"

	"journeys/internal/progress"
)

// How the text of an exit begins.
const (
	completedExit = "completed"
	cancelledExit = "cancelled"
)

// ExitText returns an exit as text: "completed: reason" or "cancelled: reason", with the
// Stamp of its event, if any, as base64url before the colon; "" for the zero exit.
func ExitText(exit progress.ExitRequest) string {
	if exit == (progress.ExitRequest{}) {
		return ""
	}
	text := cancelledExit
	if exit.Completed {
		text = completedExit
	}
	if exit.Event != (progress.Stamp{}) {
		text += " " + base64.RawURLEncoding.EncodeToString(Stamp(exit.Event))
	}
	return text + ": " + exit.Reason
}

// ReadExit returns the exit that ExitText wrote; the zero one for "".
func ReadExit(text string) progress.ExitRequest {
	head, reason, _ := strings.Cut(text, ": ")
	status, event, _ := strings.Cut(head, " ")
	packed, _ := base64.RawURLEncoding.DecodeString(event)
	return progress.ExitRequest{Reason: reason, Completed: status == completedExit, Event: ReadStamp(packed)}
}
