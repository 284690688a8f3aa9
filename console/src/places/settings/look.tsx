import { useState } from "react";
import words from "#words/settings";
import { chooseTheme, readTheme, type Theme } from "../../theme";
import { Segments } from "../../ui/segments";

const options: readonly (readonly [Theme, string])[] = [
  ["system", words.system],
  ["light", words.light],
  ["dark", words.dark],
];

/** The choice of light and dark. */
export function Look() {
  const [theme, setTheme] = useState(readTheme);
  const choose = (next: Theme) => {
    chooseTheme(next);
    setTheme(next);
  };
  return (
    <div className="row look">
      <div className="grow">
        <p>{words.theme}</p>
        <p className="help">{words.themeDetail}</p>
      </div>
      <Segments label={words.theme} value={theme} options={options} onChange={choose} />
    </div>
  );
}
