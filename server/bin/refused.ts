/** The two ways in which a start ends: what was configured can never work (78, EX_CONFIG), or it cannot work now (1). */
export class SettingsRefused extends Error {
  constructor(line: string) {
    super(line);
    this.name = 'SettingsRefused';
  }
}

/** Something outside stands in the way, such as a port in use. */
export class StartFailed extends Error {
  constructor(line: string) {
    super(line);
    this.name = 'StartFailed';
  }
}
