/** Which dialog is open: one at most. */
export type DialogName = 'palette' | 'mask' | 'name' | 'export' | 'projects' | 'models'

class Dialogs {
  open = $state<DialogName | null>(null)

  show(name: DialogName): void {
    this.open = name
  }

  close(): void {
    this.open = null
  }
}

export const dialogs = new Dialogs()
