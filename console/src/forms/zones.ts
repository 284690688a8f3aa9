let all: (readonly [string, string])[] | undefined;

/** The time zones that the browser knows, to choose from. */
export function zones(): readonly (readonly [string, string])[] {
  all ??= [...new Set(["UTC", ...Intl.supportedValuesOf("timeZone")])].map((zone) => [zone, zone.replaceAll("_", " ")]);
  return all;
}
