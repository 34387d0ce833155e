/** A first playbook around a template, as a text to go on writing. Pure. */
export function starter(template: string): string {
  const text = template.trim() || 'a ${product}, <lock:soft light>'
  const holes = [...new Set([...text.matchAll(/\$\{([\w-]+)/g)].map(([, name]) => name!))]
  const block = text.split('\n').map((line) => `      ${line}`).join('\n')
  const about = holes.map((name) => `      ${name}: {about: "what stands there"}\n`).join('')
  return (
    'playbook: 1\nname: acme\nversion: 1\npurpose: What its pictures are for.\nlocked: []\nnegative: text, watermark\n\n' +
    `templates:\n  hero:\n    purpose: What this one is for.\n    template: |\n${block}\n` +
    (about && `    variables:\n${about}`)
  )
}
