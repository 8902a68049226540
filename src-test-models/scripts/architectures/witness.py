"""Reference numbers by plain torch hooks: witness.py names -> out/<name>/cases.json + reference.safetensors
Every module's input/output (tuples, calls), an edit at each, and standard names."""
import sys,os,json,re,inspect,torch,importlib
sys.path[:0]=[os.path.dirname(os.path.abspath(__file__)),os.environ['CONFORMANCE_GENERATE']]
from safetensors.torch import save_file
from suite_json import dump
import torch.nn.functional as F
TOL={'abs':2e-5,'rel':2e-5}
def first_tensor(args,kw):
    for a in list(args)+list(kw.values()):
        if torch.is_tensor(a): return a
    return None
def flat(o):
    """(suffix,tensor) of an output"""
    if torch.is_tensor(o): return [(None,o)]
    if isinstance(o,(tuple,list)): return [(i,x) for i,x in enumerate(o) if torch.is_tensor(x)]
    return []
class Rec:
    def __init__(s,model):
        s.model=model; s.hooks=[]; s.calls={}; s.reads={}; s.edit=None; s.softmax=[]; s.attn=[]
    def __enter__(s):
        for path,m in s.model.named_modules():
            if not path: continue
            s.hooks.append(m.register_forward_pre_hook(s.pre(path),with_kwargs=True))
            s.hooks.append(m.register_forward_hook(s.post(path)))
        s.old=(F.softmax,torch.softmax,torch.Tensor.softmax)
        def wrap(fn):
            def g(x,*a,**k):
                y=fn(x,*a,**k)
                if x.dim()==4 and not any(torch.equal(x,u[0]) and torch.equal(y,u[1]) for u in s.softmax if u[0].shape==x.shape): s.softmax.append((x.detach().clone(),y.detach().clone()))
                return y
            return g
        F.softmax=wrap(s.old[0]); torch.softmax=wrap(s.old[1]); torch.Tensor.softmax=wrap(s.old[2])
        s.patched=[]
        for name,mod in list(sys.modules.items()):
            if name.startswith('transformers.models.') and hasattr(mod,'eager_attention_forward'):
                f=mod.eager_attention_forward
                def h(module,q,k,v,*a,_f=f,**kw):
                    s.attn.append(tuple(t.detach().clone() for t in (q,k,v)))
                    return _f(module,q,k,v,*a,**kw)
                mod.eager_attention_forward=h; s.patched.append((mod,f))
        return s
    def __exit__(s,*e):
        for h in s.hooks: h.remove()
        F.softmax,torch.softmax,torch.Tensor.softmax=s.old
        for m,f in s.patched: m.eager_attention_forward=f
    def key(s,path,port): return (path,s.calls.get(path,0),port)
    def pre(s,path):
        def f(m,args,kw):
            x=first_tensor(args,kw)
            if x is not None:
                k=(path,s.calls.get(path,0),'input',None); s.reads[k]=x.detach().clone()
                if s.edit and s.edit[0]==k:
                    y=s.edit[1](x)
                    if any(a is x for a in args): args=tuple(y if a is x else a for a in args)
                    else: kw={n:(y if a is x else a) for n,a in kw.items()}
                    return args,kw
        return f
    def post(s,path):
        def f(m,args,o):
            c=s.calls.get(path,0); s.calls[path]=c+1
            new=o
            for i,t in flat(o):
                k=(path,c,'output',i); s.reads[k]=t.detach().clone()
                if s.edit and s.edit[0]==k:
                    y=s.edit[1](t)
                    new=y if i is None else type(o)(*[y if j==i else x for j,x in enumerate(o)]) if hasattr(o,'_fields') else tuple(y if j==i else x for j,x in enumerate(o))
            if new is not o: return new
        return f
def run(model,inputs,edit=None,outs=('logits',)):
    with torch.no_grad(), Rec(model) as r:
        r.edit=edit
        y=model(**inputs)
    if torch.is_tensor(y): o={outs[0]:y}
    else: o={n:(y[n] if hasattr(y,'keys') else getattr(y,n)) for n in outs}
    return r,{k:v.detach().clone() for k,v in o.items()}
SKIP=re.compile('Dropout|Identity|DropPath')
def build(name,model,inputs,files,outdir,outs=('logits',),standard=None,failed=None,lim_edit=None,config=None):
    T={}; cases=[]
    seen={}
    def put(key,t):
        import hashlib
        t=t.contiguous()
        h=(str(t.dtype),tuple(t.shape),hashlib.sha256(t.numpy().tobytes()).hexdigest())
        if h in seen: return seen[h]
        T[key]=t.clone(); seen[h]=key; return key
    inp={}
    for k,t in inputs.items(): T['in/'+k]=t.contiguous().clone(); inp[k]='in/'+k
    r,clean=run(model,inputs,outs=outs)
    calls=r.calls; mods=dict(model.named_modules())
    def step(do,k,**kw):
        d={'do':do,'site':k[0],'port':k[2]}
        if k[3] is not None: d['index']=k[3]
        if calls[k[0]]>1: d['call']=k[1]
        d.update(kw); return d
    def case(n,runs): cases.append({'name':n,'about':n,'kind':'trace','tags':[],'needs':[],'tolerance':TOL,'runs':runs,'wrong_if':[]})
    def reads(k): return {'id':'clean','inputs':inp,'steps':[step('read',k,**{'as':'x'})],'expect':{'x':put('/'.join(map(str,k)),r.reads[k])}}
    case('outputs',[{'id':'clean','inputs':inp,'steps':[{'do':'read_output','name':o,'as':o} for o in outs],'expect':{o:put('clean/'+o,clean[o]) for o in outs}}])
    for k,t in r.reads.items():
        if SKIP.search(type(mods[k[0]]).__name__) or 'otary' in k[0] and k[2]=='input': continue
        if k[3]==1 and 'attn' in k[0].lower() : continue
        nm=f"{k[0]}#{k[2]}"+(f'[{k[3]}]' if k[3] is not None else '')+(f'({k[1]})' if calls[k[0]]>1 else '')
        case('read:'+nm,[reads(k)])
        if not t.is_floating_point() or t.dim()<2 or (lim_edit and not lim_edit(k[0])): continue
        g=torch.Generator().manual_seed(len(nm)); v=torch.randn(t.shape[-1],generator=g)*0.5
        vk=put('const/'+nm,v)
        _,e=run(model,inputs,edit=(k,lambda x:x+v),outs=outs)
        eff=max(float((e[o]-clean[o]).abs().max()) for o in outs)
        if eff<1e-4: continue
        runs=[{'id':'edited','inputs':inp,'steps':[step('add',k,value={'tensor':vk},scale=1.0,write='replace')]+[{'do':'read_output','name':o,'as':o} for o in outs],'expect':{o:put(f'edit/{nm}/{o}',e[o]) for o in outs},'effect':eff}]
        case('edit:'+nm,runs)
    for nm,t in model.named_parameters():
        case('par:'+nm,[{'id':'clean','inputs':inp,'steps':[{'do':'read_output','name':nm,'as':'x'}],'expect':{'x':put('par/'+nm,t.detach())}}])
    for nm,t in (standard(model,r,clean) if standard else {}).items():
        site,port=nm.split('#') if '#' in nm else (None,nm)
        st={'do':'read','site':site,'port':port,'as':'x'} if site else {'do':'read_output','name':nm,'as':'x'}
        case('std:'+nm,[{'id':'clean','inputs':inp,'steps':[st],'expect':{'x':put('std/'+nm,t)}}])
    doc={'format':'sonde-conformance/1','model':{'name':name,'architecture':type(model).__name__,'family':'any','config':config or {},'weights_sha256':'','files':files,'failed_exports':failed or {},'modules':[],'sites':{}},'made_by':{},'cases':cases}
    open(outdir+'/cases.json','w').write(dump(doc)); save_file(T,outdir+'/reference.safetensors')
    return r,clean,len(cases)
