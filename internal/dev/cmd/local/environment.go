package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"journeys/internal/dev/lambda"
	"journeys/internal/manifest"
)

// readPort reads PORT, which is preset if it is not set.
func readPort(preset int) (int, error) {
	text := os.Getenv("PORT")
	if text == "" {
		return preset, nil
	}
	port, err := strconv.Atoi(text)
	if err != nil || port < 1 || port > 65535 {
		return 0, fmt.Errorf("PORT must be a number from 1 to 65535, not %q", text)
	}
	return port, nil
}

// readSwitch reads a variable that is on or off; it is off if it is not set.
func readSwitch(name string) (bool, error) {
	switch text := strings.ToLower(os.Getenv(name)); text {
	case "", "0", "false", "no":
		return false, nil
	case "1", "true", "yes":
		return true, nil
	default:
		return false, fmt.Errorf("%s must be 1 or 0, not %q", name, text)
	}
}

// readThrottle returns the API's throttle, none if UNTHROTTLED is on.
func readThrottle() (manifest.Throttle, error) {
	off, err := readSwitch("UNTHROTTLED")
	if off || err != nil {
		return manifest.Throttle{}, err
	}
	return manifest.APIThrottle, nil
}

// readMinute reads TICK, the length of a minute of the schedules.
func readMinute() (time.Duration, error) {
	text := os.Getenv("TICK")
	if text == "" {
		return time.Minute, nil
	}
	minute, err := time.ParseDuration(text)
	if err != nil || minute < 10*time.Millisecond || minute > time.Hour {
		return 0, fmt.Errorf("TICK must be a duration from 10ms to 1h, such as 1s, not %q", text)
	}
	return minute, nil
}

// readFaults reads CRUEL, the seed of the faults; nil if it is not set.
func readFaults() (*lambda.Faults, error) {
	text := os.Getenv("CRUEL")
	if text == "" {
		return nil, nil
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("CRUEL must be a seed, a whole number, not %q", text)
	}
	return lambda.NewFaults(seed), nil
}
