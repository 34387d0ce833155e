/** Which dialog is open: one at most. */
export type DialogName = 'palette' | 'mask' | 'map' | 'figure' | 'name' | 'export' | 'projects' | 'models'

class Dialogs {
  open = $state<DialogName | null>(null)
  /** Which one of several it is about. */
  about = $state(0)

  show(name: DialogName, about = 0): void {
    this.about = about
    this.open = name
  }

  close(): void {
    this.open = null
  }
}

export const dialogs = new Dialogs()
